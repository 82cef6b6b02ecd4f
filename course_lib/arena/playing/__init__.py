"""The arena itself: questions, answerers, pairs, votes that outlive the process, a page for a class."""
