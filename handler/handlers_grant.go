package main

import (
	"github.com/authorization-fabric/fabric/handler/internal/authorize"
	"github.com/authorization-fabric/fabric/handler/internal/httpapi"
)

func (s *service) jwksHandler() httpapi.Handler { return httpapi.JWKS(s.grants) }

func (s *service) maskHandler() httpapi.Handler {
	return httpapi.Mask(authorize.NewMasker(s.grants, s.audit, s.backend.key.Current, authorize.MaskOptions{Clock: s.clock}))
}
