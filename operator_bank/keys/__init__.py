"""The keys of wallets: asked for, approved, objected to, and replaced."""
