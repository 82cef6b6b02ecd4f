"""What stands between students' code and the machine, and how well it holds."""
