; What selfheal reads from Java; `outline.py` has one reader per capture.

(class_declaration
  name: (identifier) @name
  superclass: (superclass)? @heritage
  interfaces: (super_interfaces)? @heritage) @class
(interface_declaration name: (identifier) @name (extends_interfaces)? @heritage) @class
(enum_declaration name: (identifier) @name interfaces: (super_interfaces)? @heritage) @class
(record_declaration name: (identifier) @name interfaces: (super_interfaces)? @heritage) @class
(annotation_type_declaration name: (identifier) @name) @class

(method_declaration name: (identifier) @name) @function
(constructor_declaration name: (identifier) @name) @function
(compact_constructor_declaration name: (identifier) @name) @function

(import_declaration [(scoped_identifier) (identifier)] @module) @import

(method_invocation object: (_) @receiver name: (identifier) @target) @call
(method_invocation !object name: (identifier) @target) @call
(object_creation_expression type: (_) @target) @call

[
  (if_statement)
  (for_statement)
  (enhanced_for_statement)
  (while_statement)
  (do_statement)
  (switch_label)
  (catch_clause)
  (ternary_expression)
  (binary_expression operator: ["&&" "||"])
] @branch
