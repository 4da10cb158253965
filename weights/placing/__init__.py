"""Turn the tensors of a file into the variables of a network here."""
