"""One script a version of the schema, numbered from 0001; a script is never changed after its release."""
