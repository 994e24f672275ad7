"""The pages that people look at; they read through `catalog`, in a database role that cannot write."""
