"""What-if forecasts: a forecast again under other assumptions of what is known ahead; nothing is learnt again."""
