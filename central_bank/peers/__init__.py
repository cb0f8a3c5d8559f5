"""The banks as the central bank calls them."""
