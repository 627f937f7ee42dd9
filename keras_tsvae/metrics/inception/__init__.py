"""The Inception network whose features FID and its kin are made of, and its weights."""
