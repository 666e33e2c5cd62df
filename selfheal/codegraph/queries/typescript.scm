; What TypeScript adds.

(abstract_class_declaration name: (_) @name (class_heritage)? @heritage) @class
(interface_declaration name: (_) @name) @class
(enum_declaration name: (_) @name) @class
(type_alias_declaration name: (_) @name) @class

(function_signature name: (_) @name) @function
(method_signature name: (_) @name) @function
(abstract_method_signature name: (_) @name) @function
(public_field_definition
  name: (_) @name
  value: [(arrow_function) (function_expression)]) @function

(internal_module name: (_) @name) @namespace
(module name: (_) @name) @namespace

(import_require_clause source: (string) @module) @import
