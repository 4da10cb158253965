"""What is wrong with a data set: copies, doubtful labels, strange and faulty pictures."""
