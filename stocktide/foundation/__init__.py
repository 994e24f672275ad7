"""What every stage stands on: settings, errors, database, keys and users, the web boundary, embedded servers."""
