package httpapi

// Operation is one method of one route, as the document tells of it.
type Operation struct {
	Method  string
	Path    string // with {name} for each variable part
	ID      string // unique; the name that clients generate
	Summary string
	Access  Access
	Query   []Parameter
	Header  []Parameter
	Request string // schema of the body; "" for none
	// BodyOptional says that the body may be left out.
	BodyOptional bool

	Status  int    // of the answer; 0: 200
	Also    []int  // further statuses with a body of the same schema
	Answer  string // schema of the answer; "" for none
	Refuses []int  // statuses besides those that Access and Request bring
}

// Parameter is one optional parameter in a query or a header, of type string.
type Parameter struct {
	Name    string
	Meaning string
}
