"""Orders, before-images, history, batches and transfers, and what the audit reads of them."""
