"""Search algorithms, judged by the exact optimum."""
