package embedded

import "errors"

// ErrHeld is told when another process, or this one, has it open already.
var ErrHeld = errors.New("in use by another process")
