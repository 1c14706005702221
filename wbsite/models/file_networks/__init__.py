"""Networks whose forward pass a file describes: interpreters of such descriptions, on the functions of torch."""
