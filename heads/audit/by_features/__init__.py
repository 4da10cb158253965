"""Find strange pictures and doubtful labels by the features of a network."""
