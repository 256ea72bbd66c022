package command

// construct is a way of writing that makes a line opaque: what to call it and
// what to write instead. Neither holds a part of the line, so both may be
// shown to everybody.
type construct struct {
	name   string
	advice string
}

var (
	notBash       = construct{"something that is not bash", "write plain bash"}
	continuation  = construct{"a line continuation that shells read differently", "write one line, or break it at a blank"}
	tooLong       = construct{"a line that is too long", "split it"}
	tooDeep       = construct{"nesting that is too deep", "write it flat"}
	tooMany       = construct{"too many commands", "split the line"}
	variable      = construct{"a variable", "write the literal"}
	substitution  = construct{"a command substitution", "run that command first and write its result"}
	process       = construct{"a process substitution", "use a file or a pipe"}
	arithmetic    = construct{"arithmetic with a name", "write the number"}
	braces        = construct{"a brace expansion", "write the words out"}
	tilde         = construct{"a tilde", "write the whole path"}
	extendedGlob  = construct{"an extended glob", "write the names"}
	ansiQuote     = construct{"a $-quoted string", "write the characters themselves in plain quotes"}
	programGlob   = construct{"a glob in the name of the program", "write the name"}
	oddProgram    = construct{"a program whose name looks like an option or an assignment", "write the name of a program"}
	function      = construct{"a function definition", "write its commands where they are needed"}
	coprocess     = construct{"a co-process", "use a pipe"}
	unknownSyntax = construct{"a form that is not understood", "write simple commands"}
	heredoc       = construct{"a here-document with an expansion", "quote its delimiter and write the literals"}
	descriptor    = construct{"a descriptor that is computed", "write its number"}
	subscript     = construct{"a subscript that is evaluated", "write a plain name"}
	attribute     = construct{"a variable with an attribute that evaluates", "use a plain variable"}
	evaluated     = construct{"a variable that the shell or a program evaluates", "leave it out"}
	wrapperOption = construct{"a wrapper with options", "write the wrapper without options, or leave it out"}
	manyWrappers  = construct{"too many wrappers", "leave them out"}
	shellInput    = construct{"a shell that reads standard input or a file", "write the commands themselves"}
	shellOption   = construct{"a shell with other options than -c", "write the commands themselves"}
	runsArguments = construct{"a program that runs what its arguments say", "write the command itself"}
	runsOption    = construct{"an option that runs a program", "leave the option out"}
	runsScript    = construct{"a script that can run a program", "use a script that only edits text"}
	inlineCode    = construct{"an interpreter with inline code or without a script file", "name a script file"}
	otherShell    = construct{"a script that is not bash", "write bash"}
	unknownOption = construct{"options that are not known in front of the command", "write the command first"}
)

// builtin is the construct of a shell built-in that runs its arguments. The
// name comes from the table of built-ins, never from the line.
func builtin(name string) construct {
	return construct{"the built-in " + name, "write the commands themselves"}
}
