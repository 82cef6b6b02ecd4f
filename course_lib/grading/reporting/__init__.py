"""From graded rows to pages, statistics and files for other programs."""
