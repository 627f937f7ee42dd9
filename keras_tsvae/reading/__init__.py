"""Files that nobody vouches for, read within bounds and without running what is in them."""
