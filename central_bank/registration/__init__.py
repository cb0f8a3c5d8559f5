"""The registration centre: who owns what, settlement included."""
