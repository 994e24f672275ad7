"""What was refused: looked at, mended, replayed or dropped, with an audit."""
