"""The arena as a web page for a class: `course arena serve`."""
