"""The half that draws: from the store to a site, without torch."""
