"""From battles to ratings: Elo, Bradley-Terry, ties, Elo's scale, heat maps, intervals and ranks."""
