"""Why a line is ordered: as data that recomputes the quantity, and as one sentence of the same figures."""
