"""What is learnt from what happened: lead times."""
