"""Compare networks on a data set by the accuracy of a linear head on their features."""
