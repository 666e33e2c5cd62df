; What selfheal reads from JavaScript and TypeScript alike; `outline.py` has one reader per capture.

(class_declaration name: (_) @name (class_heritage)? @heritage) @class
(variable_declarator name: (identifier) @name value: (class)) @class

(function_declaration name: (identifier) @name) @function
(generator_function_declaration name: (identifier) @name) @function
(method_definition name: (_) @name) @function
(variable_declarator
  name: (identifier) @name
  value: [(arrow_function) (function_expression) (generator_function)]) @function
(assignment_expression
  left: (member_expression property: (property_identifier) @name)
  right: [(arrow_function) (function_expression) (generator_function)]) @function
(pair key: (property_identifier) @name value: [(arrow_function) (function_expression)]) @function

(import_statement source: (string) @module) @import
(export_statement source: (string) @module) @import
(call_expression
  function: [(identifier) (import)] @required
  arguments: (arguments . (string) @module)
  (#any-of? @required "require" "import")) @import

(call_expression function: (_) @target) @call
(new_expression constructor: (_) @target) @call

[
  (if_statement)
  (for_statement)
  (for_in_statement)
  (while_statement)
  (do_statement)
  (switch_case)
  (catch_clause)
  (ternary_expression)
  (binary_expression operator: ["&&" "||" "??"])
] @branch
