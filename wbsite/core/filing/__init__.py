"""Files: paths that users write, documents with a digest, and writing that stays inside a folder and is whole."""
