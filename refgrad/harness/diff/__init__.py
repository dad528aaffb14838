"""What differs between two: backends on one program, versions of a library on many, two recorded runs of the suite."""
