"""Foundation of every stage: settings, errors, database, keys and users, the web boundary, embedded servers."""
