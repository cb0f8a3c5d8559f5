"""The secure element in software: a key and pieces of money that leave it only endorsed."""
