"""What is measured, one file for each measurement; `program` runs them: ``python bench``."""
