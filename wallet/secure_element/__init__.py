"""The secure element in software: it keeps keys, and money that leaves it only endorsed."""
