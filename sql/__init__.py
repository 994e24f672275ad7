"""SQL of the house: one statement a file, named for its result; migrations under migrations/."""
