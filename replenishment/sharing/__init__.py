"""What lines share: an aggregate goal, a budget, a supplier, a warehouse, other shops' stock, a goods-in door."""
