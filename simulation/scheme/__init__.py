"""The whole scheme in one thread, from a seed: production code over a world that fails and cheats.

Central bank, banks and wallets are built as their services build them. What is replaced is what
they stand on: the network, the disks, the clock and the people. A model that shares no code with
them predicts what they say, and checks run after each step. FoundationDB tests itself in this way
(Zhou et al., "FoundationDB: A Distributed Unbundled Transactional Key Value Store", SIGMOD 2021,
section 4).
"""
