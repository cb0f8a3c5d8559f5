"""The settlement core: one writer, in memory, batched, journaled to SQL."""
