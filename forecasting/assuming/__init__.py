"""What if: a forecast again under other assumptions of what is known ahead, and nothing is learnt again."""
