; What only JavaScript's grammar calls so.

(field_definition
  property: (_) @name
  value: [(arrow_function) (function_expression)]) @function
