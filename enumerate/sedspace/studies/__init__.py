"""Real networks of architectures, and zero-cost proxies on them. Needs torch; nothing else of sedspace does."""
