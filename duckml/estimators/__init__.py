"""What can be trained: the table of estimators, and the preprocessing that stands before each of them."""
