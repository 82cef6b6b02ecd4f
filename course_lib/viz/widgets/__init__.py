"""Widgets: one .py that prepares arrays, one .js that draws them. `view` says how each is shown."""
