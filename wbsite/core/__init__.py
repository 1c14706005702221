"""What everything stands on: configuration, errors, names, the registry, the store, progress."""
