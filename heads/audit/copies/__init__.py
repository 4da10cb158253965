"""Find pictures that a data set contains more than once, exactly or nearly."""
