"""Images as network inputs: data sets and their layouts, transforms, drawn samples, strangers’ files."""
