"""Boosting: trees over all leaves that correct the mixture, learnt from what it missed at earlier origins."""
