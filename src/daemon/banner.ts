/** What every role prints first. */
export const BANNER = String.raw`
   __ _ _   _ _ __ __ _  ___
  / _' | | | | '__/ _' |/ _ \
 | (_| | |_| | | | (_| |  __/
  \__,_|\__,_|_|  \__,_|\___|   one daemon owns this machine
`;
