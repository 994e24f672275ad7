"""The jail: statements of users run in processes that can reach nothing but what they are handed."""
