"""What readers elsewhere see of a page: its address, dates, citation, card picture, and the feed."""
