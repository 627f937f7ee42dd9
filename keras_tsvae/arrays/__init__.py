"""Arrays on the host: batches of them, noise, pixels, and many images as one."""
