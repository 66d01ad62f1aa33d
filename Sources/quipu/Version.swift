/// Version of the program, equal to the file VERSION; a test compares them.
let commandVersion = "0.1.0"
