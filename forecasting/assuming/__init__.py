"""What if: a forecast again under other assumptions of what is known ahead, with nothing learnt anew."""
